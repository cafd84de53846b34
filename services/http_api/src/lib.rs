//! API Gateway HTTP APIs: routes to Lambda proxy integrations.
