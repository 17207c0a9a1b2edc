"""Saved mappings on the Upload page: apply one, save this one, download and upload one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import streamlit as st

from pages._ui import frame
from pages._ui.words import plain, t
from studio.corpus.preview import Preview
from studio.corpus.recipes import MOST_BYTES, MappingRecipe
from studio.errors import CorpusError
from studio.workflows import mappings
from studio.workflows.studio import Studio

_UPLOADED = "upload.mapping"


@dataclass(frozen=True)
class Applied:
    """The mapping to start from: none (the guess), or a saved one that fits, with a key for the widgets it fills."""

    recipe: MappingRecipe | None
    key: str


def pick(opened: Studio, seen: Preview) -> Applied:
    """A saved mapping to apply; one that does not fit says which columns are missing and is not applied."""
    rows = mappings.saved(opened)
    titles = {"": t("shape.recipe.guess")} | {row.recipe_id: plain(row.name) for row in rows}
    uploaded: MappingRecipe | None = st.session_state.get(_UPLOADED)
    if uploaded is not None:
        titles["file"] = t("shape.recipe.from_file", name=plain(uploaded.name or "–"))
    if len(titles) == 1:
        return Applied(None, "")
    chosen = st.selectbox(t("shape.recipe.apply"), list(titles), format_func=titles.__getitem__, key="mapping_recipe",
                          index=len(titles) - 1 if uploaded is not None else 0,
                          help=t("shape.recipe.apply_help"))  # fmt: skip
    if not chosen:
        return Applied(None, "")
    with frame.show_errors():
        recipe = uploaded if chosen == "file" and uploaded is not None else mappings.get(opened, chosen)
        recipe.check(seen.names)
        return Applied(recipe, hashlib.sha256(recipe.to_bytes()).hexdigest()[:8])
    return Applied(None, "")


def keep(opened: Studio, recipe: MappingRecipe) -> None:
    """Save the mapping as it stands, download it, or bring one from a file."""
    with st.expander(t("shape.recipe.title"), icon=":material/bookmark:"):
        st.caption(t("shape.recipe.about"))
        cells = st.columns([3, 1, 1], vertical_alignment="bottom")
        name = cells[0].text_input(t("shape.recipe.name"), value=recipe.name, max_chars=100, key="mapping_name")
        recipe = MappingRecipe(name, recipe.shape, recipe.roles, recipe.split, recipe.options)
        if cells[1].button(t("shape.recipe.save"), icon=":material/bookmark_add:", disabled=not name.strip(),
                           key="mapping_save"):  # fmt: skip
            with frame.show_errors():
                mappings.save(opened, frame.current_user(), recipe=recipe)
                st.toast(t("shape.recipe.saved"), icon=":material/check:")
        cells[2].download_button(t("shape.recipe.download"), data=recipe.to_bytes(), file_name="mapping.json",
                                 mime="application/json", icon=":material/download:", on_click="ignore")  # fmt: skip
        given = st.file_uploader(t("shape.recipe.upload"), type="json", key="mapping_upload")
        if given is not None:
            with frame.show_errors():
                if given.size > MOST_BYTES:
                    raise CorpusError("The file is too large for a saved mapping", got=f"{given.size:,} bytes",
                                      fix="Choose the JSON file that was saved as a mapping.")  # fmt: skip
                read = MappingRecipe.from_bytes(given.getvalue())
                if st.session_state.get(_UPLOADED) != read:
                    st.session_state[_UPLOADED] = read
                    st.session_state.pop("mapping_recipe", None)
                    st.rerun()
