/* Gives the boxes that Select2 builds beside a drop-down its label: without it a screen reader has no name for them. */

function name(box) {
  const field = box.previousElementSibling;
  const label = field?.id && document.querySelector(`label[for="${CSS.escape(field.id)}"]`);
  if (!label) return;
  const text = label.textContent.trim().replace(/:$/, "");
  const selection = box.querySelector(".select2-selection");
  label.id ||= `${field.id}_label`;
  const value = box.querySelector("[id$=-container]")?.id ?? "";
  selection?.setAttribute("aria-labelledby", `${label.id} ${value}`.trim());
  for (const part of box.querySelectorAll(".select2-search__field, [role=textbox]")) part.setAttribute("aria-label", text);
}

function nameAll() {
  document.querySelectorAll(".select2-container").forEach(name);
}

// It builds them when it likes, and anew at every choice.
new MutationObserver((changes) => {
  if (changes.some((change) => change.target.closest(".select2-container, .related-widget-wrapper, form"))) nameAll();
}).observe(document.body, { childList: true, subtree: true });
nameAll();
