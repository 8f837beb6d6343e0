"""Model packs: which model files a gate uses, where they come from, and the proof that they are those files.

    recipe   what `models/<name>.toml` may say            verify   from a file to bytes that can be trusted
    pack     a recipe and the places of its files         fetch    from a publisher or a folder, by digest
    build    from sources to TFLite files                 convert  readers, calibration, quantiser, TFLite writer

A gate needs `pack` and `verify` only; fetching and building belong to the person who sets it up.
"""

from edge.packs.pack import Alignment, Pack, Part, default_search, find_pack, known_packs, load_pack

__all__ = ["Alignment", "Pack", "Part", "default_search", "find_pack", "known_packs", "load_pack"]
