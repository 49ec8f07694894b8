"""Shared by all subpackages: geometry, masks, errors, files, devices, parallel work, provenance."""
