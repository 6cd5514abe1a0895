"""The protocol for machines: JSON Schemas, an AsyncAPI document and TypeScript, of one source."""
