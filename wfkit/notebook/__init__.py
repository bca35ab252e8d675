"""The faces of wfkit in a notebook: magics, the `%%flow` cell, views."""
