"""The bill of materials: CycloneDX 1.6 over the runtime closure, built, checked and scored."""
