"""The demo: an article archive that is really released, in two environments on this machine."""
