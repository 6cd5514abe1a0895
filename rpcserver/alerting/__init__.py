"""What people are told of by itself: troubles of venues and markets, webhooks, signed heads."""
