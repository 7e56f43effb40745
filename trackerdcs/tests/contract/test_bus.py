"""One suite for every Bus: memory, paho against the embedded broker, paho against real Mosquitto."""

from trackerdcs.tests.contract import bus_case, bus_suite


class MemorySuite(bus_case.MemoryCase, bus_suite.BusSuite): ...


class EmbeddedSuite(bus_case.EmbeddedCase, bus_suite.BusSuite): ...


class MosquittoSuite(bus_case.MosquittoCase, bus_suite.BusSuite): ...
