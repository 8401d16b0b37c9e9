"""What people look at: report.md, tables, figures, samples with their boxes drawn."""
