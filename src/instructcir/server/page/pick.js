// A picture of one's own: dropped, pasted or chosen; checked by the server before it becomes the reference.
import { Refused, upload } from "./api.js";
import { $ } from "./dom.js";

let limit = Infinity;
export const setLimit = (bytes) => { limit = bytes; };

export function whenPicked(callback) {
  const send = async (file) => {
    if (!file) return;
    if (file.size > limit) {
      complain(`${file.name || "This picture"} is larger than ${Math.floor(limit / 2 ** 20)} MB. Make it smaller and try again.`);
      return;
    }
    $("pick-error").hidden = true;
    $("progress").classList.add("is-on");
    try {
      const kept = await upload(file);
      callback({ upload: kept.upload, name: file.name || "Pasted picture" });
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const isBroken = error.code === "unreadable_picture";
      complain(isBroken ? `${file.name || "This file"} cannot be read as a picture. Try a JPEG, PNG or WebP file.` : error.message);
    } finally {
      $("progress").classList.remove("is-on");
      $("file").value = "";
    }
  };
  $("drop").addEventListener("click", () => $("file").click());
  $("replace").addEventListener("click", () => $("file").click());
  $("file").addEventListener("change", () => send($("file").files[0]));
  document.addEventListener("paste", (event) => {
    const file = [...event.clipboardData.files][0];
    if (!file) return;
    event.preventDefault();
    send(file);
  });
  dropping(send);
}

function complain(text) {
  $("pick-error").textContent = text;
  $("pick-error").hidden = false;
}

function dropping(send) {
  let depth = 0;
  const holdsFile = (event) => [...(event.dataTransfer?.types || [])].includes("Files");
  const over = (by) => (event) => {
    if (!holdsFile(event)) return;
    event.preventDefault();
    depth += by;
    $("dropping").hidden = depth <= 0;
  };
  document.addEventListener("dragenter", over(1));
  document.addEventListener("dragleave", over(-1));
  document.addEventListener("dragover", (event) => { if (holdsFile(event)) event.preventDefault(); });
  document.addEventListener("drop", (event) => {
    if (!holdsFile(event)) return;
    event.preventDefault();
    depth = 0;
    $("dropping").hidden = true;
    send(event.dataTransfer.files[0]);
  });
}
