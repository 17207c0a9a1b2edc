// The map in the page: one Plotly chart that stays while its description changes.
//
// A chart that is made anew makes new WebGL contexts and compiles their programs again; without a GPU that is most of
// what a change of colour costs. Plotly comes from the package the server uses, never from another host.
const NARROW_PX = 380;
const charts = new WeakMap(); // the component's element -> its chart
const FIELDS = ["--st-text-color", "--st-background-color", "--st-font", "--st-border-color"];
const EXPAND =
  "M32 32C14 32 0 46 0 64v96c0 18 14 32 32 32s32-14 32-32V96h64c18 0 32-14 32-32s-14-32-32-32H32zM64 352c0-18-14-32-32-32" +
  "s-32 14-32 32v96c0 18 14 32 32 32h96c18 0 32-14 32-32s-14-32-32-32H64V352zM320 32c-18 0-32 14-32 32s14 32 32 32h64v64" +
  "c0 18 14 32 32 32s32-14 32-32V64c0-18-14-32-32-32H320zM448 352c0-18-14-32-32-32s-32 14-32 32v64h-64c-18 0-32 14-32 32" +
  "s14 32 32 32h96c18 0 32-14 32-32v-96z";
let loading;

function plotly(url) {
  if (window.Plotly) return Promise.resolve(window.Plotly);
  loading ??= new Promise((done, failed) => {
    const script = document.createElement("script");
    script.src = url;
    script.onload = () => done(window.Plotly);
    script.onerror = () => {
      loading = undefined;
      script.remove();
      failed(new Error(`${url} did not load`));
    };
    document.head.append(script);
  });
  return loading;
}

// Streamlit calls this with every new description, and when the theme changes. What it called before may be taken back
// after a newer call: only the newest one may take the chart down.
export default function ({ data, parentElement, setTriggerValue }) {
  let chart = charts.get(parentElement);
  if (!chart) {
    const place = document.createElement("div");
    parentElement.append(place);
    chart = { place, turn: 0, drawn: 0, queue: Promise.resolve() };
    charts.set(parentElement, chart);
  }
  const turn = ++chart.turn;
  chart.send = setTriggerValue;
  chart.hasLasso = data.lasso;
  chart.queue = chart.queue
    .then(() => plotly(data.script))
    .then((Plotly) => turn === chart.turn && draw(Plotly, chart, data))
    .catch((error) => {
      console.error(error);
      chart.place.textContent = data.words.failed;
    });
  return () => {
    if (turn !== chart.turn) return;
    chart.turn += 1;
    chart.watch?.disconnect();
    window.Plotly?.purge(chart.place);
    chart.place.remove();
    charts.delete(parentElement);
  };
}

async function draw(Plotly, chart, data) {
  const { place } = chart;
  const look = FIELDS.map((name) => getComputedStyle(place).getPropertyValue(name).trim());
  if (chart.data === data && chart.look === look.join()) return;
  Object.assign(chart, { data, look: look.join() });
  const [ink, ground, family, line] = look;
  const font = { color: ink, family, size: 14 };
  place.setAttribute("role", "figure");
  place.setAttribute("aria-label", data.words.alt);
  place.style.background = ground;
  const { layout } = data.figure;
  chart.config ??= { ...data.config, modeBarButtonsToAdd: [fullscreen(place, data.words.fullscreen)] }; // another one: a new chart
  chart.drawn += 1; // new arrays, and nothing left of what was drawn by hand: the description holds the lasso in force
  await Plotly.react(
    place,
    data.figure.data,
    {
      ...layout,
      ...size(chart),
      font,
      paper_bgcolor: ground,
      plot_bgcolor: ground,
      hoverlabel: { ...layout.hoverlabel, bgcolor: ground, bordercolor: line, font },
      datarevision: chart.drawn,
      selectionrevision: chart.drawn,
    },
    chart.config,
  );
  place.dataset.drawn = chart.drawn;
  if (!chart.watch) listen(Plotly, chart);
}

function fullscreen(place, title) {
  const icon = { width: 448, height: 512, path: EXPAND };
  const click = () => (document.fullscreenElement ? document.exitFullscreen() : place.requestFullscreen());
  return { name: title, title, icon, click };
}

// As wide as its column, as high as the description says; the whole screen where a person asked for that. Both axes
// have one scale: on a phone the rest of the height would be empty.
function size({ place, data }) {
  const width = place.clientWidth;
  if (document.fullscreenElement === place) return { width, height: place.clientHeight };
  return { width, height: Math.min(data.figure.layout.height, Math.max(NARROW_PX, width)) };
}

function listen(Plotly, chart) {
  const { place } = chart;
  place.on("plotly_selected", (event) => {
    if (event?.lassoPoints) chart.send("shape", { lasso: [event.lassoPoints], box: [] });
    else if (event?.range) chart.send("shape", { lasso: [], box: [event.range] });
  });
  place.on("plotly_deselect", () => chart.hasLasso && chart.send("shape", { lasso: [], box: [] }));
  place.on("plotly_click", ({ points }) => {
    const number = points[0]?.customdata;
    if (place._fullLayout.dragmode === "pan" && Number.isFinite(number)) chart.send("dot", number);
  });
  chart.watch = new ResizeObserver(() => {
    chart.queue = chart.queue.then(() => {
      const { width, height } = size(chart);
      const now = place._fullLayout;
      if (width > 0 && now && (width !== now.width || height !== now.height)) return Plotly.relayout(place, { width, height });
    });
  });
  chart.watch.observe(place);
}
