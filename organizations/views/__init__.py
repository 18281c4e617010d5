"""One module for each noun; `organizations/urls.py` names them."""
