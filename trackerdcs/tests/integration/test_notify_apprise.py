"""Addresses by apprise, and the watcher: against real servers on this machine, and no secret in any error."""

import tempfile
import unittest
from pathlib import Path
from unittest.mock import patch

from trackerdcs.adapters import alive_http, notify_apprise
from trackerdcs.adapters.alive_http import HttpWatcher
from trackerdcs.adapters.notify_apprise import AppriseNotifier
from trackerdcs.domain.errors import ConfigError, NotifyFailed
from trackerdcs.tests.post_office import PASSWORD, TOKEN, HookServer, MailServer, Mute
from trackerdcs.tests.servers import HOST, free_port

SECRETS = (PASSWORD, TOKEN, "secret-topic", "shift@lab.example")


class AddressCase(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.file = Path(folder.name, "url")

    def notifier(self, url: str) -> AppriseNotifier:
        self.file.write_text(f"{url}\n")
        return AppriseNotifier(self.file, "notify.addresses.x.url_file")

    def watcher(self, url: str) -> HttpWatcher:
        self.file.write_text(f"{url}\n")
        return HttpWatcher(self.file, "notify.alive.url_file")

    def hooks(self) -> HookServer:
        server = HookServer()
        self.addCleanup(server.stop)
        return server

    def failure(self, url: str) -> str:
        with self.assertRaises(NotifyFailed) as caught:
            self.notifier(url).send("title", "text", "critical")
        self.assertIsNone(caught.exception.__cause__)
        for secret in SECRETS:
            self.assertNotIn(secret, str(caught.exception))
        return str(caught.exception)


class TestMail(AddressCase):
    def setUp(self) -> None:
        super().setUp()
        self.server = MailServer()
        self.addCleanup(self.server.stop)

    def test_it_arrives_as_plain_text(self) -> None:
        text = "why: t < 3 & rh > 50 %\nwhat to do: \u00f6ffnen <b>"
        self.notifier(self.server.url).send("bench: CRITICAL: hot", text, "critical")
        self.assertEqual(self.server.subjects(), ["bench: CRITICAL: hot"])
        self.assertEqual([t.replace("\r\n", "\n").strip() for t in self.server.texts()], [text])
        self.assertEqual(self.server.mails[0].get_content_type(), "text/plain")
        self.assertEqual(self.server.mails[0]["To"], "shift@lab.example")

    def test_a_server_that_does_not_take_it(self) -> None:
        self.server.refuse = True
        self.failure(self.server.url)
        self.server.refuse = False
        self.failure(self.server.url.replace(PASSWORD, f"{PASSWORD}-no"))
        self.failure(self.server.url.replace(str(self.server.port), str(free_port())))
        self.assertEqual(self.server.mails, [])

    def test_a_server_that_says_nothing(self) -> None:
        with Mute() as mute, patch.multiple(notify_apprise, CONNECT=0.3, READ=0.3):
            self.failure(self.server.url.replace(str(self.server.port), str(mute.port)))


class TestHooks(AddressCase):
    def test_what_is_longer_than_a_service_takes_is_cut_behind_what_is_gravest(self) -> None:
        """Else it would refuse the same message for ever, and with it all that comes later for the address."""
        hooks = self.hooks()
        self.notifier(hooks.mattermost).send("title", "CRITICAL: first" + "\nand another" * 1000, "critical")
        ((_, got),) = hooks.got
        self.assertLessEqual(len(got["text"]), 4000)
        self.assertIn("CRITICAL: first", got["text"])

    def test_ntfy_and_mattermost(self) -> None:
        hooks = self.hooks()
        self.notifier(hooks.ntfy).send("title", "line 1\nline 2", "critical")
        self.notifier(hooks.mattermost).send("title", "line 1\nline 2", "info")
        (_, ntfy), (path, mattermost) = hooks.got
        self.assertEqual((ntfy["topic"], ntfy["title"], ntfy["message"]), ("secret-topic", "title", "line 1\nline 2"))
        self.assertEqual(path, f"/hooks/{TOKEN}")
        self.assertIn("line 1", mattermost["text"])
        self.assertNotIn("icon_url", mattermost)

    def test_a_server_that_does_not_take_it(self) -> None:
        hooks = self.hooks()
        for url in (hooks.ntfy, hooks.mattermost):
            hooks.status = 500
            self.assertIn("500", self.failure(url))
            hooks.status = 404
            self.failure(url)
            self.failure(url.replace(str(hooks.port), str(free_port())))
            with Mute() as mute, patch.multiple(notify_apprise, CONNECT=0.3, READ=0.3):
                self.failure(url.replace(str(hooks.port), str(mute.port)))

    def test_what_is_no_address_is_refused_without_being_quoted(self) -> None:
        for url in (f"foo://{TOKEN}", TOKEN, "mmost://", f"{PASSWORD}://x"):
            with self.assertRaisesRegex(ConfigError, "notify.addresses.x.url_file: the secret .*url is no") as caught:
                self.notifier(url)
            for secret in SECRETS:
                self.assertNotIn(secret, str(caught.exception))
        self.file.unlink()
        with self.assertRaisesRegex(ConfigError, "url_file: the secret .*url cannot be read"):
            AppriseNotifier(self.file, "notify.addresses.x.url_file")


class TestWatcher(AddressCase):
    def test_it_is_called(self) -> None:
        hooks = self.hooks()
        self.watcher(hooks.alive).call()
        self.assertEqual([path for path, _ in hooks.got], [f"/ping/{TOKEN}"])

    def test_what_goes_wrong_is_said_without_its_address(self) -> None:
        hooks = self.hooks()
        hooks.status = 503
        with Mute() as mute, patch.object(alive_http, "ANSWER", 0.3):
            for url in (
                hooks.alive,
                f"http://{HOST}:{free_port()}/{TOKEN}",
                f"http://{HOST}:{mute.port}/{TOKEN}",
                f"http://{TOKEN}.invalid/",
                f"http://{HOST}:{TOKEN}/",
            ):
                with self.assertRaises(NotifyFailed) as caught:
                    self.watcher(url).call()
                self.assertNotIn(TOKEN, str(caught.exception))
                self.assertTrue(str(caught.exception))
        with self.assertRaisesRegex(ConfigError, "no address of http"):
            self.watcher("file:///etc/passwd")
