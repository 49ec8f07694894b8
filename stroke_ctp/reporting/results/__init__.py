"""Everything that a study's report shows, computed once: typed results that tables, figures and sentences format."""
