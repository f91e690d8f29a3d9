// Copying a text that is shown once, and saving it as a file. Both buttons are hidden where this module does not run;
// the text can be selected there. A file is made in the browser: the text travels nowhere.

function textOf(button) {
  return document.getElementById(button.dataset.copy ?? button.dataset.save).textContent.trim() + "\n";
}

function say(button, words) {
  const region = document.getElementById(button.dataset.said);
  region.textContent = "";
  // An unchanged text is not read out again.
  setTimeout(() => (region.textContent = words), 50);
}

async function copy(button) {
  try {
    await navigator.clipboard.writeText(textOf(button).trim());
    say(button, button.dataset.done);
  } catch {
    const range = document.createRange();
    range.selectNodeContents(document.getElementById(button.dataset.copy));
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    say(button, button.dataset.failed);
  }
}

function save(button) {
  const url = URL.createObjectURL(new Blob([textOf(button)], { type: "text/plain" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = button.dataset.name;
  link.click();
  URL.revokeObjectURL(url);
  say(button, button.dataset.done);
}

for (const button of document.querySelectorAll("button[data-copy], button[data-save]")) {
  button.hidden = false;
  button.addEventListener("click", () => (button.dataset.copy ? copy(button) : save(button)));
}
