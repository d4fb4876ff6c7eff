"""How Sphinx makes the site: Markdown by MyST, the theme Furo, each link and anchor checked. Sphinx's search reads its index as a script, so it
works from a file, too."""
project = "prey"
copyright = "the prey authors"
root_doc = "README"
extensions = ["myst_parser"]
myst_heading_anchors = 4
myst_enable_extensions = ["strikethrough"]
exclude_patterns = []
html_theme = "furo"
html_title = "prey"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
highlight_language = "none"
suppress_warnings = ["myst.strikethrough", "myst.header"]
