"""Who comes in to the broker as it is shipped: nobody without a password of his own, and from outside only over TLS."""

import socket
import ssl
from datetime import UTC, datetime

from trackerdcs.adapters.certificates import make_ca
from trackerdcs.tests.integration import test_access_list as lab
from trackerdcs.tests.mqtt_talker import Talker
from trackerdcs.tests.servers import HOST

WELCOME, REFUSED = "Success", "Not authorized"


class TestLogins(lab.InALab):
    def test_on_each_listener_the_right_password_and_nothing_else(self) -> None:
        broker = self.broker
        right = broker.password("bench/hv1")
        for port, tls in ((broker.port, None), (broker.tls_port, broker.trust()), (broker.health_port, None)):
            for user, password, answer in (
                ("bench/hv1", right, WELCOME),
                ("bench/hv1", right + "x", REFUSED),
                ("bench/hv1", "", REFUSED),
                ("bench/hv1", None, REFUSED),
                ("bench/hv1", broker.password("bench/env1"), REFUSED),
                ("hv1", right, REFUSED),
                ("root", right, REFUSED),
                ("", "", WELCOME if port == broker.health_port else REFUSED),  # nobody
            ):
                with self.subTest(port=port, user=user), Talker(port, user, password, tls) as talker:
                    self.assertEqual(talker.answer, answer)
        for port, tls in ((broker.port, None), (broker.tls_port, broker.trust())):
            with Talker(port, None, None, tls) as nobody:
                self.assertEqual(nobody.answer, REFUSED)

    def test_from_outside_there_is_tls_or_nothing(self) -> None:
        password = self.broker.password("cli")
        with self.assertRaises((TimeoutError, OSError)):
            Talker(self.broker.tls_port, "cli", password, patience=0.5)

    def test_who_trusts_another_ca_refuses_this_broker(self) -> None:
        foreign = ssl.create_default_context(cadata=make_ca(datetime.now(UTC)).pem.decode())
        for trust in (foreign, ssl.create_default_context()):
            with self.assertRaises(ssl.SSLCertVerificationError):
                self.shake_hands(trust, "localhost")

    def test_the_certificate_is_for_the_names_of_this_machine_alone(self) -> None:
        for name in ("localhost", "127.0.0.1", "mosquitto", "gateway"):
            self.shake_hands(self.broker.trust(), name)
        with self.assertRaises(ssl.SSLCertVerificationError):
            self.shake_hands(self.broker.trust(), "example.org")

    def shake_hands(self, trust: ssl.SSLContext, name: str) -> None:
        with (
            socket.create_connection((HOST, self.broker.tls_port), timeout=10) as connection,
            trust.wrap_socket(connection, server_hostname=name),
        ):
            pass
