"""Topics: built, taken apart, matched as a broker matches them."""

import unittest

from trackerdcs.domain import topics
from trackerdcs.domain.errors import ContractError
from trackerdcs.domain.topics import ADDRESSES, NOT_A_DEVICE, NOT_AN_ITEM, Topic, matches, parse

BAD_NAMES = ("", "Hv1", "1hv", "hv 1", "hv/1", "hv+", "#", "+", "hv1\n", "-", "ü", "a" * 33, "$sys")


class Build(unittest.TestCase):
    def test_every_leaf_of_a_device_is_taken_apart_again(self) -> None:
        for leaf in topics.DEVICE_LEAVES:
            topic = topics.of_device("demo", "hv1", leaf)
            self.assertEqual(topic, f"dcs/v1/demo/hv1/{leaf}")
            self.assertEqual(parse(topic), Topic("demo", leaf, "hv1"))

    def test_commands_and_stored_ranges_are_taken_apart_again(self) -> None:
        self.assertEqual(topics.command("demo", "hv1", "cli"), "dcs/v1/demo/hv1/cmd/cli")
        self.assertEqual(parse("dcs/v1/demo/hv1/cmd/cli"), Topic("demo", "cmd", "hv1", "cli"))
        self.assertEqual(topics.stored("demo"), "dcs/v1/demo/stored")
        self.assertEqual(parse("dcs/v1/demo/stored"), Topic("demo", "stored"))

    def test_interlocks_and_kills_are_taken_apart_again(self) -> None:
        for build, select, branch in (
            (topics.interlock, topics.interlocks_of, "interlock"),
            (topics.kill, topics.kills_of, "kill"),
        ):
            topic = build("demo", "dry")
            self.assertEqual(topic, f"dcs/v1/demo/{branch}/dry")
            self.assertEqual(parse(topic), Topic("demo", branch, None, "dry"))
            self.assertTrue(matches(select("demo"), topic))
            self.assertFalse(matches(select("demo"), topics.of_device("demo", "hv1", "frame")))

    def test_a_probe_is_heard_by_nobody_who_listens_to_the_contract(self) -> None:
        self.assertEqual(topics.probe("a1"), "dcs/probe/a1")
        self.assertFalse(matches(f"{topics.ROOT}/#", topics.probe("a1")))

    def test_addresses_are_the_topics_with_parameters(self) -> None:
        for kind, address in ADDRESSES.items():
            topic = parse(
                address.format(stand="demo", device="hv1", user="cli", interlock="dry", alarm="hot", run="0a1b")
            )
            self.assertEqual((topic.stand, topic.kind), ("demo", kind))

    def test_bad_and_reserved_names_are_refused(self) -> None:
        for name in BAD_NAMES:
            for build in (
                lambda n: topics.of_device(n, "hv1", "frame"),
                lambda n: topics.of_device("demo", n, "frame"),
                lambda n: topics.command("demo", "hv1", n),
                lambda n: topics.command("demo", n, "cli"),
                lambda n: topics.interlock("demo", n),
                lambda n: topics.kill("demo", n),
                topics.stored,
            ):
                with self.subTest(name=name), self.assertRaises(ContractError):
                    build(name)
        for device in NOT_A_DEVICE:
            with self.subTest(device=device), self.assertRaisesRegex(ContractError, "reserved"):
                topics.of_device("demo", device, "frame")
        for user in NOT_AN_ITEM:
            with self.subTest(user=user), self.assertRaisesRegex(ContractError, "reserved"):
                topics.command("demo", "hv1", user)

    def test_a_leaf_that_is_no_leaf_is_refused(self) -> None:
        for leaf in ("cmd", "stored", "frames", ""):
            with self.subTest(leaf=leaf), self.assertRaisesRegex(ContractError, "expected one of"):
                topics.of_device("demo", "hv1", leaf)


class Parse(unittest.TestCase):
    def test_branches(self) -> None:
        for branch in ("interlock", "alarm", "kill"):
            self.assertEqual(parse(f"dcs/v1/demo/{branch}/x"), Topic("demo", branch, None, "x"))
        self.assertEqual(parse("dcs/v1/demo/run/2024-A_7"), Topic("demo", "run", None, "2024-A_7"))

    def test_what_the_contract_does_not_know_is_refused(self) -> None:
        for topic in (
            "",
            "dcs",
            "dcs/v1",
            "dcs/v1/",
            "/dcs/v1/demo/hv1/frame",
            "dcs/v2/demo/hv1/frame",
            "dcs/v1/demo",
            "dcs/v1/demo/hv1",
            "dcs/v1/demo/hv1/",
            "dcs/v1/demo/hv1/frame/",
            "dcs/v1/demo/hv1/nonsense",
            "dcs/v1/demo/hv1/cmd",
            "dcs/v1/demo/hv1/cmd/",
            "dcs/v1/demo/hv1/cmd/cli/more",
            "dcs/v1/demo/hv1/cmd/ack",
            "dcs/v1/demo/Hv1/frame",
            "dcs/v1/De mo/hv1/frame",
            "dcs/v1/demo/kill/frame",
            "dcs/v1/demo/interlock/",
            "dcs/v1/demo/run/",
            "dcs/v1/demo/stored/more",
            "$SYS/broker/uptime",
        ):
            with self.subTest(topic=topic), self.assertRaises(ContractError):
                parse(topic)

    def test_loaders_are_known_by_their_place(self) -> None:
        self.assertTrue(topics.is_loader(parse("dcs/v1/site/loader/status")))
        self.assertTrue(topics.is_loader(parse("dcs/v1/site/loader-2/status")))
        for topic in ("dcs/v1/demo/loader/status", "dcs/v1/site/loaders/status", "dcs/v1/site/hv1/status"):
            self.assertFalse(topics.is_loader(parse(topic)), topic)


class Match(unittest.TestCase):
    def test_wildcards(self) -> None:
        for pattern, topic, expected in (
            ("a/b", "a/b", True),
            ("a/b", "a/b/c", False),
            ("a/b/c", "a/b", False),
            ("a/+", "a/b", True),
            ("a/+", "a", False),
            ("a/+", "a/b/c", False),
            ("a/+/c", "a//c", True),
            ("+/b", "a/b", True),
            ("a/#", "a/b/c", True),
            ("a/#", "a", True),
            ("a/#", "ab", False),
            ("#", "a/b", True),
            ("#", "$SYS/x", False),
            ("+/x", "$SYS/x", False),
            ("$SYS/#", "$SYS/x", True),
        ):
            with self.subTest(pattern=pattern, topic=topic):
                self.assertIs(matches(pattern, topic), expected)

    def test_filters_select_their_topics_and_no_others(self) -> None:
        frame, command = topics.of_device("demo", "hv1", "frame"), topics.command("demo", "hv1", "cli")
        self.assertTrue(matches(topics.any_device("demo", "frame"), frame))
        self.assertTrue(matches(topics.any_device("+", "frame"), frame))
        self.assertFalse(matches(topics.any_device("demo", "meta"), frame))
        self.assertFalse(matches(topics.any_device("lab", "frame"), frame))
        self.assertTrue(matches(topics.commands_of("demo", "hv1"), command))
        self.assertFalse(matches(topics.commands_of("demo", "hv2"), command))
        self.assertTrue(matches(topics.all_of("demo"), topics.stored("demo")))
        self.assertFalse(matches(topics.all_of("lab"), frame))
