"""What can be wrong with a model pack, each with its place in the table of exit codes."""

from __future__ import annotations

from edge.errors import ConfigError, InputError, PartFailed


class RecipeInvalid(InputError):
    """A recipe is not what `edge.packs.recipe` allows; nothing of it is used."""


class PackUnknown(ConfigError):
    """No recipe of that name is in any of the folders that were searched."""


class PackMissing(PartFailed):
    """The recipe is there, a file that it names is not."""


class PackDamaged(PartFailed):
    """A file is there, but its bytes are not the ones that the recipe names."""


class SourceUnavailable(PartFailed):
    """A publisher or the package registry did not give the bytes that the recipe names."""


class SourceInvalid(InputError):
    """The source of a conversion cannot be read as the format that it should be."""
