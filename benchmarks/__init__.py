"""Speed measured as ratios within one run; no figure here decides anything."""
