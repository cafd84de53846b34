//! Lambda: function host, Invoke, event source mappings, asynchronous events.
