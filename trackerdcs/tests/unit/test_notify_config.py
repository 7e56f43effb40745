"""The section `notify` of a stand file: what is refused, and what follows from it for the stack."""

import tempfile
import unittest
from pathlib import Path

from trackerdcs.domain.access_list import Bench, access_list
from trackerdcs.domain.containers import compose_file
from trackerdcs.domain.errors import ConfigError
from trackerdcs.domain.secret_folder import places
from trackerdcs.domain.stand import Stand
from trackerdcs.settings import load_stand

HEAD = """stand: s
devices:
  hv1: {driver: iseg_shr, link: {resource: "TCPIP::192.0.2.1::10001::SOCKET"}}
notify:
"""
GOOD = """  addresses: {mail: {url_file: /x}}
  people: {shifter: {addresses: [mail], at: [hv1.ch0]}}
"""


def loaded(text: str) -> Stand:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "s.yaml")
        path.write_text(HEAD + text)
        return load_stand(path)


class TestNotifyConfig(unittest.TestCase):
    def test_what_would_tell_nobody_is_refused(self) -> None:
        for text, why in [
            ("  addresses: {}\n", "notify.people: nobody would ever be told"),
            (GOOD + "  escalation: []\n", "notify.escalation: nobody would ever be told"),
            (GOOD + "  shift: [ghost]\n", "notify.shift: 'ghost' is unknown, expected shifter"),
            (GOOD + "  escalation: [{to: [ghost]}]\n", "notify.escalation.0.to: 'ghost' is unknown"),
            (GOOD + "  escalation: [{to: []}]\n", "notify.escalation.0.to: expected people, or shift"),
            (GOOD + "  escalation: [{to: [shift], after: 9}, {to: [shift], after: 1}]\n", "expected s of at least 9"),
            (GOOD + "  escalation: [{to: [shift], afte: 9}]\n", ":7: notify.escalation.0.afte: unknown key; did you"),
            (GOOD + "  alive: {url_file: /x, every: 0}\n", "notify.alive.every: expected at least 1 s, got 0"),
            (GOOD.replace("hv1.ch0", "hv9"), "notify.people.shifter.at: 'hv9' is unknown, expected hv1"),
            (GOOD.replace("[mail]", "[]"), "notify.people.shifter.addresses: a person whom nothing reaches"),
            (GOOD.replace("shifter:", "shift:"), "notify.people.shift: person 'shift': this name is reserved"),
        ]:
            with self.subTest(why), self.assertRaises(ConfigError) as caught:
                loaded(text)
            self.assertIn(why, str(caught.exception))

    def test_who_notifies_has_a_container_and_a_login(self) -> None:
        stand = loaded(GOOD)
        assert stand.notify is not None
        self.assertEqual(stand.notify.escalation[0].to, ("shift",))
        self.assertIn('command: [notify, "/stands/s.yaml"]', compose_file(stand, "s.yaml"))
        bench = Bench("s", ("hv1",), notify=True)
        self.assertIn("s-notify/mqtt/s.notify", [place.path for place in places([bench])])
        of_notify = access_list([bench]).split("user s/notify\n")[1].split("\n\n")[0]
        self.assertIn("topic read dcs/v1/s/alarm/+", of_notify)
        self.assertNotIn("write dcs/v1/s/alarm", of_notify)
        self.assertNotIn("s/notify", access_list([Bench("s", ("hv1",))]))
