"""Measuring: error rates over a folder of people (`evaluate`), speed and size of the product itself (`bench`).

    folder      whose image is which                     scores         all pairs, compactly
    embed       images to embeddings, two processes      rates          FMR, TAR, EER, DET
    evaluate    the two protocols, end to end            identify       1:N, open set
    results     what is reported, and its JSON           bootstrap      the bounds
    plots       DET and histograms                       bench/         rows of `edge-gate bench`

Embeddings made here live in memory only, like everywhere else.
"""
