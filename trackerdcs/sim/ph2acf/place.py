"""Where the simulated programs and their example configurations are; nobody's PATH leads here by itself."""

from pathlib import Path

BIN = Path(__file__).parent / "bin"
CONFIGS = Path(__file__).parent / "configs"
