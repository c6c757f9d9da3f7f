"""Every fault of the catalogue met by the SDKs that are in the field."""
