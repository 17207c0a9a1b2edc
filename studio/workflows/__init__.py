"""One function per user act: checks the role, joins the packages, writes the audit-log row."""
