"""Upload: files in, a look at them, what the columns mean, and a frozen snapshot out."""

import streamlit as st

from pages._ui import (
    frame,
    upload_files,
    upload_find,
    upload_mapping,
    upload_reading,
    upload_recipe,
    upload_result,
    upload_run,
    upload_shape,
)
from pages._ui.words import t
from studio.workflows import corpora, mappings

opened = frame.studio()
st.header(t("upload.title"), anchor=False)

if run := upload_files.current_run():
    view = upload_run.wait_for(opened, run)
    if view is not None and view.status.state == "done" and view.trouble is None:
        with frame.show_errors():
            result = corpora.outcome(opened, run)
            upload_result.follow(result, run)
            upload_result.show(opened, result)
            if upload_result.next_steps(result):
                upload_files.start_over()
                st.rerun()
            upload_result.rejects(result)
        st.stop()
    if view is not None:
        upload_run.show_end(opened, view, upload_files.forget_run)
        st.stop()
    upload_files.forget_run()

ways = {way: t(f"find.way_{way}") for way in ("files", "here")}
if frame.url_select(st, t("find.way"), list(ways), "way", format_func=ways.__getitem__, widget="segmented_control",
                    required=True, label_visibility="collapsed") == "here":  # fmt: skip
    upload_find.show(opened)
    st.stop()

st.caption(t("upload.intro"))
files = upload_files.chosen(opened)
if not files:
    st.info(t("upload.none"), icon=":material/upload_file:")
    if st.button(t("upload.home"), icon=":material/home:"):
        frame.go("home")
    st.stop()

st.subheader(t("upload.look"), anchor=False)
looked = upload_reading.look(opened, files)
if looked is None:
    st.stop()
seen, header = looked.seen, looked.header
facts = "upload.facts_whole" if seen.is_whole else "upload.facts"
size = upload_files.size_text(files[0].n_bytes)
st.caption(t(facts, kind=t(f"corpus.kind.{seen.kind}"), columns=len(seen.columns), size=size, n=seen.n_sample))
upload_mapping.show_rows(seen)
upload_mapping.show_problems(seen, looked.others)
upload_reading.odd_characters(seen)

st.subheader(t("shape.title"), anchor=False)
applied = upload_recipe.pick(opened, seen)
upload_reading.take_over(files, mappings.choices_of(applied.recipe))
upload_shape.verdict(seen.guess)
shape, start, key = upload_mapping.start(seen, applied)
examples = st.container()

st.subheader(t("upload.roles"), anchor=False)
roles, is_usable = upload_mapping.pick_roles(seen, start, key, examples)
naming = upload_mapping.pick_naming(opened, seen)
planned = applied.recipe.split if applied.recipe else {}
plan = upload_mapping.pick_split(roles, files, planned, applied.key)
upload_recipe.keep(opened, upload_mapping.recipe(looked, shape, roles, plan, naming))

ready = is_usable and plan is not None and looked.is_sure
if st.button(t("upload.freeze"), type="primary", icon=":material/ac_unit:", disabled=not ready):
    with frame.show_errors():
        started = corpora.start_import(
            opened, frame.current_user(), files=looked.files, roles=roles, name=naming.name, language=naming.language,
            corpus_id=naming.corpus_id, split=plan, header=header, run_id=upload_files.run_id(),
        )  # fmt: skip
        upload_files.show_run(started)
