"""What every other subpackage may use: types, errors, files, devices, parallel work, provenance."""
