"""Work by key, with the semantics of client-go's workqueue."""
