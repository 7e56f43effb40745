"""Certificates of a lab: ours are renewed in time, its own are never touched, and what is wrong with them is loud."""

import unittest
from datetime import UTC, datetime, timedelta

from cryptography import x509

from trackerdcs.adapters.certificates import Certificate, issue, make_ca
from trackerdcs.tests.integration import test_secrets

NOW = datetime.now(UTC)


class TestCertificates(test_secrets.Secrets):
    def names(self, server: str = "gateway") -> set[str]:
        return self.certificate(server).names

    def certificate(self, server: str = "gateway") -> Certificate:
        crt, key = (self.secrets / server / f"server.{end}" for end in ("crt", "key"))
        return Certificate.read(crt, crt.read_bytes(), key, key.read_bytes())

    def ca(self) -> Certificate:
        crt, key = self.secrets / "ca/ca.crt", self.secrets / "ca/ca.key"
        return Certificate.read(crt, crt.read_bytes(), key, key.read_bytes())

    def replaced(self, server: str, by: Certificate) -> None:
        self.put(f"{server}/server.crt", by.pem)
        self.put(f"{server}/server.key", by.key_pem or b"")

    def test_they_are_good_for_years_and_by_our_ca(self) -> None:
        self.run_it("--host", "dcs.example.org", "--host", "192.0.2.7")
        ca = self.ca()
        self.assertGreater(ca.ends - NOW, timedelta(days=3650))
        self.assertTrue(ca.parsed.extensions.get_extension_for_class(x509.BasicConstraints).value.ca)
        for server in ("gateway", "mosquitto"):
            found = self.certificate(server)
            self.assertTrue(found.is_by(ca) and found.fits)
            self.assertLess(found.ends - found.begins, timedelta(days=825))
            local = {"localhost", "127.0.0.1", "::1", "mosquitto", "gateway"}
            self.assertEqual(found.names, local | {"dcs.example.org", "192.0.2.7"})
        self.assertEqual(self.tried("--host", "no name").exit_code, 78)

    def test_ours_is_renewed_in_time_and_keeps_its_names(self) -> None:
        self.run_it("--host", "dcs.example.org")
        for days, renewed in ((31, False), (29, True), (-1, True)):
            old = issue(self.ca(), self.names(), NOW + timedelta(days=days - 820))
            self.replaced("gateway", old)
            done = self.run_it()
            self.assertEqual(self.certificate().pem != old.pem, renewed, days)
            self.assertEqual("gateway/server.crt: renewed" in done.stderr, renewed)
            self.assertIn("dcs.example.org", self.names())
        (self.secrets / "gateway/server.key").unlink()
        self.run_it()
        self.assertTrue(self.certificate().fits, "cut off between the two files")

    def test_a_new_name_renews_ours(self) -> None:
        self.run_it()
        self.run_it("--host", "dcs.example.org")
        self.assertIn("dcs.example.org", self.names("mosquitto"))

    def test_a_labs_own_is_never_touched_and_its_faults_are_loud(self) -> None:
        self.run_it()
        lab = make_ca(NOW)
        good, old = issue(lab, ["dcs.example.org"], NOW), issue(lab, ["x"], NOW - timedelta(days=821))
        soon, early = issue(lab, ["x"], NOW - timedelta(days=800)), issue(lab, ["x"], NOW + timedelta(days=2))
        mixed = Certificate(good.pem, old.key_pem, good.parsed, fits=False)
        for certificate, said in (
            (good, None),
            (old, "THIS CERTIFICATE HAS EXPIRED"),
            (soon, "this certificate EXPIRES on"),
            (early, "THIS CERTIFICATE IS NOT VALID before"),
            (mixed, "server.key IS NOT THE KEY of this certificate"),
        ):
            self.replaced("gateway", certificate)
            done = self.run_it("--host", "further.example.org")
            self.assertEqual(self.certificate().pem, certificate.pem)
            loud = [line for line in done.stderr.splitlines() if "gateway" in line]
            if said is None:
                self.assertEqual(loud, [])
            else:
                self.assertIn(f"{self.secrets}/gateway/server.crt: {said}", "\n".join(loud))

    def test_half_of_a_pair_and_nonsense_are_refused(self) -> None:
        self.run_it()
        crt, key = self.secrets / "gateway/server.crt", self.secrets / "gateway/server.key"
        ours = (crt.read_bytes(), key.read_bytes())
        crt.unlink()
        self.refused(f"{crt}: missing beside {key}: put it there, or remove the key")
        self.put("gateway/server.crt", b"nonsense")
        self.assertRegex(self.tried().stderr, rf"^{crt}: no certificate in PEM: ")
        self.put("gateway/server.crt", ours[0])
        self.put("gateway/server.key", b"nonsense")
        self.assertRegex(self.tried().stderr, rf"^{key}: no key in PEM without a password: ")
        self.put("gateway/server.key", ours[1])
        self.put("ca/ca.key", make_ca(NOW).key_pem or b"")
        self.refused(f"{self.secrets}/ca/ca.key: not the key of {self.secrets}/ca/ca.crt")

    def test_a_ca_whose_key_is_kept_elsewhere(self) -> None:
        self.run_it()
        (self.secrets / "ca/ca.key").unlink()
        self.run_it()
        crt = self.secrets / "mosquitto/server.crt"
        crt.unlink()
        (self.secrets / "mosquitto/server.key").unlink()
        self.refused(f"{self.secrets}/ca/ca.key: missing, and {crt} has to be signed with it")

    def test_a_ca_that_ends_is_loud(self) -> None:
        for years, said in ((9.8, "EXPIRES on"), (10.1, "HAS EXPIRED")):
            old = make_ca(NOW - timedelta(days=years * 365.25))
            self.put("ca/ca.crt", old.pem)
            self.put("ca/ca.key", old.key_pem or b"")
            self.assertIn(f"{self.secrets}/ca/ca.crt: THE CA {said}", self.tried().stderr)


if __name__ == "__main__":
    unittest.main()
