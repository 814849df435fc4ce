"""Libraries of molecules searched for those whose fields are most like a query's."""
