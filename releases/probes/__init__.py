"""The probes: one file each, with its words, its findings and its measuring. They know HTTP, not Django."""
