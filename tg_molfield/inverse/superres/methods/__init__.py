"""The methods of `superresolve`: one file each."""
