// The console's script: htmx and nothing of our own that a page needs to work.
import "../vendor/htmx-2.0.11.min.js";
