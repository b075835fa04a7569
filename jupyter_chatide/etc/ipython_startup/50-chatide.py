get_ipython().magics_manager.register_lazy("chat", "jupyter_chatide.magics")  # noqa: F821
