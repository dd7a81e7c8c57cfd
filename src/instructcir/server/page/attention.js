// A map of attention over a picture, drawn on a canvas: grey where little is looked at, bright where much is.
const HEAT = [[0, 0, 4], [40, 11, 84], [101, 21, 110], [159, 42, 99], [212, 72, 66], [245, 125, 21], [250, 193, 39], [252, 255, 164]];

function colour(level) {
  const place = Math.min(Math.max(level, 0), 1) * (HEAT.length - 1);
  const low = Math.min(Math.floor(place), HEAT.length - 2);
  return HEAT[low].map((value, channel) => value + (HEAT[low + 1][channel] - value) * (place - low));
}

/** A canvas of the picture (a URL) under the map (rows of columns), whose strongest patch is brightest. */
export async function drawMap(url, map) {
  const picture = new Image();
  picture.src = url;
  await picture.decode();
  const scale = 640 / Math.max(picture.naturalWidth, picture.naturalHeight);
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(picture.naturalWidth * scale);
  canvas.height = Math.round(picture.naturalHeight * scale);
  const context = canvas.getContext("2d");
  context.filter = "grayscale(.75)";
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  context.filter = "none";
  const small = new OffscreenCanvas(map[0].length, map.length);
  const cells = new ImageData(map[0].length, map.length);
  const most = Math.max(...map.flat(), 1e-12);
  map.flat().forEach((value, cell) => {
    const level = Math.sqrt(value / most); // the root shows weak patches beside a strong one
    cells.data.set([...colour(level), 255 * (0.3 + 0.5 * level)], cell * 4);
  });
  small.getContext("2d").putImageData(cells, 0, 0);
  context.imageSmoothingEnabled = true;
  context.imageSmoothingQuality = "high";
  context.drawImage(small, 0, 0, canvas.width, canvas.height);
  canvas.setAttribute("role", "img");
  return canvas;
}
