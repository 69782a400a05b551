"""Files: read as if anybody had written them, written whole, kept by their checksums."""
