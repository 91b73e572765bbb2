"""What release CI and operators run: compose, sign, announce, watch."""
