"""The site's authority: what runs on the admin's workstation, and never on a gate. It signs consents."""

from edge.site.authority import Authority, Issued, Terms, found_site

__all__ = ["Authority", "Issued", "Terms", "found_site"]
