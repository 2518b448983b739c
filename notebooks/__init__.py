"""What the notebooks import: lab measures, show draws, programs run as processes of their own."""
