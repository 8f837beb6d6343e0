"""How fast and how large, as ratios within one run. One file a row or a family of rows; `registry` lists them."""
