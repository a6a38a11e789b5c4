"""The web pages: device approval, browser login and dashboard."""
