"""The dashboard: a browser view of run folders. It never imports torch."""
