get_ipython().magics_manager.register_lazy("chat", "jupyter_chatide.magics")  # noqa: F821
get_ipython().input_transformers_cleanup.append(  # noqa: F821
    # IPython takes a line that ends in a question mark for a call for help; a question is none.
    lambda lines: (
        [f"get_ipython().run_line_magic('chat', {lines[0][6:].strip()!r})\n"]
        if len(lines) == 1 and lines[0].startswith("%chat ")
        else lines
    )
)
