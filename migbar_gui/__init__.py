"""MigBar's window: widgets and glue over the core, no science."""
