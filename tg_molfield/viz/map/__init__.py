"""`map_page`: the codes of many molecules as points in a plane."""
