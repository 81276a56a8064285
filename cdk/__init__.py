"""What stands in the AWS accounts: one module per account, shared constructs in `parts`."""
