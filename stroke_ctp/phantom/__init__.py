"""Digital CT perfusion patients with known perfusion."""
