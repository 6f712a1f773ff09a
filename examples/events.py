#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Events from stdin as sentences, through ctypes: the library can be used from anywhere that calls C."""
import ctypes
import sys


class Text(ctypes.Structure):
    _fields_ = [('data', ctypes.c_void_p), ('size', ctypes.c_size_t)]


lib = ctypes.CDLL('libaulert.so.1')
EventFn = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)
lib.aulert_feed_new.argtypes = [ctypes.c_void_p, ctypes.c_void_p, EventFn, ctypes.c_void_p]
lib.aulert_feed_push.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]
lib.aulert_event_sentence.argtypes = [ctypes.c_void_p, ctypes.POINTER(Text)]
lib.aulert_event_serial.argtypes, lib.aulert_event_serial.restype = [ctypes.c_void_p], ctypes.c_uint64
for name in ('flush', 'free'):
    getattr(lib, f'aulert_feed_{name}').argtypes = [ctypes.c_void_p]


@EventFn
def on_event(_, event):
    text = Text()
    if lib.aulert_event_sentence(event, text) == 0:
        print(lib.aulert_event_serial(event), ctypes.string_at(text.data, text.size).decode())


feed = ctypes.c_void_p()
if lib.aulert_feed_new(ctypes.byref(feed), None, on_event, None) < 0:
    sys.exit('events.py: out of memory')
while chunk := sys.stdin.buffer.read1(65536):
    lib.aulert_feed_push(feed, chunk, len(chunk))
lib.aulert_feed_flush(feed)
lib.aulert_feed_free(feed)
