#!/usr/bin/env bash
# Chromium and CJK fonts for the browser tests, by the system's package manager where that is permitted.
# Without them the browser tests are skipped with a reason; nothing else needs them.
set -u
have_browser() { command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null; }
have_fonts() { command -v fc-list >/dev/null && fc-list ':lang=zh' 2>/dev/null | grep -q . ; }
if have_browser && have_fonts; then exit 0; fi
if ! command -v apt-get >/dev/null; then
  echo "No apt-get here: install Chromium and a CJK font yourself to run the browser tests." >&2; exit 0
fi
as_root=""
if [ "$(id -u)" -ne 0 ]; then
  if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then as_root="sudo -n"; else
    echo "Not permitted to install packages: run 'apt-get install chromium fonts-noto-cjk' as root for the browser tests." >&2
    exit 0
  fi
fi
echo "Installing Chromium and CJK fonts for the browser tests ..." >&2
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq >/dev/null 2>&1
if ! $as_root apt-get install -y -qq chromium fonts-noto-cjk fontconfig >/dev/null 2>&1; then
  echo "Chromium could not be installed; the browser tests will be skipped." >&2
fi
exit 0
