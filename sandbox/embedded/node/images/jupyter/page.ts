const STYLE = `:root{color-scheme:light dark;font-family:system-ui,sans-serif}body{margin:0;display:grid;grid-template:auto 1fr/16rem 1fr;min-height:100vh}
header{grid-column:1/-1;padding:.5rem 1rem;background:#f37626;color:#fff}header strong{margin-right:1rem}nav{border-right:1px solid #8884;padding:1rem;overflow:auto}
nav li{list-style:none;margin:.25rem 0}ul{padding:0;margin:.5rem 0}main{padding:1.5rem;max-width:50rem}button{font:inherit;padding:.35rem .8rem;margin:0 .3rem .3rem 0;cursor:pointer}
textarea{width:100%;box-sizing:border-box;min-height:4rem;font-family:ui-monospace,monospace;font-size:.95rem}pre{white-space:pre-wrap;background:#8882;padding:.5rem}.note{border-left:4px solid #f37626;padding:.3rem .8rem;background:#f3762622}
form{max-width:26rem;margin:10vh auto;grid-column:1/-1}input{font:inherit;padding:.4rem;width:100%;box-sizing:border-box;margin:.4rem 0 .8rem}`;

function document(title: string, body: string): string {
  return `<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title>\n<style>${STYLE}</style></head>\n<body>\n${body}\n</body>\n</html>\n`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}

export function loginPage(action: string, xsrf: string, message = ''): string {
  return document(
    'Jupyter Server',
    `<header><strong>jupyter</strong> simulated by Atelier</header>
<form action="${escapeHtml(action)}" method="post">
<input type="hidden" name="_xsrf" value="${escapeHtml(xsrf)}">
<h1>Token authentication is enabled</h1>
<label for="password_input">Password or token:</label>
<input type="password" name="password" id="password_input" autofocus>
<button type="submit" id="login_submit">Log in</button>
${message ? `<p role="alert">${escapeHtml(message)}</p>` : ''}
<p>The token stands in the server's log: <code>kubectl logs</code>.</p>
</form>`,
  );
}

/** The launcher: files of the container's folders, notebooks that are kept, cells that say what they cannot do. */
export function labPage(base: string, pod: string): string {
  return document(
    'JupyterLab',
    `<header><strong>JupyterLab</strong> simulated by Atelier, in pod ${escapeHtml(pod)}</header>
<nav aria-label="Files"><button id="new">New notebook</button><p id="here"></p><ul id="files"></ul></nav>
<main id="main"><h1>Launcher</h1>
<p class="note">This JupyterLab is <strong>simulated</strong>: files and notebooks are really stored in the container, but no Python runs here.</p>
<p>A notebook is created in the folder that is open on the left. It goes with the pod, unless a volume is mounted on that folder.</p></main>
<script>
const base=${JSON.stringify(base)};
const xsrf=()=>(document.cookie.match(/(?:^|; )_xsrf=([^;]*)/)||[])[1]||'';
const api=(path,options={})=>fetch(base+'api/contents/'+path.split('/').map(encodeURIComponent).join('/'),{...options,headers:{'X-XSRFToken':xsrf(),'Content-Type':'application/json'}});
const main=document.getElementById('main');
const element=(name,text)=>{const made=document.createElement(name);if(text!==undefined)made.textContent=text;return made};
let here='';
async function list(){const folder=await(await api(here)).json();document.getElementById('here').textContent='~/'+here;
  const up=here?[{name:'..',path:here.split('/').slice(0,-1).join('/'),type:'directory'}]:[];
  document.getElementById('files').replaceChildren(...[...up,...folder.content].map(file=>{
  const item=element('li');const directory=file.type==='directory';const open=element('button',file.name+(directory?'/':''));open.onclick=()=>{if(directory){here=file.path;list()}else show(file.path)};item.append(open);return item}))}
async function show(path){const file=await(await api(path)).json();main.replaceChildren(element('h1',file.name));
  if(file.type!=='notebook'){main.append(element('pre',file.content));return}
  const cells=file.content.cells||[];const save=element('button','Save');save.onclick=async()=>{const answer=await api(path,{method:'PUT',body:JSON.stringify({type:'notebook',format:'json',content:file.content})});save.textContent=answer.ok?'Saved':'Not saved: '+answer.status;list()};
  const add=element('button','Add cell');add.onclick=()=>{cells.push({cell_type:'code',source:'',metadata:{},outputs:[],execution_count:null});file.content.cells=cells;draw()};
  const remove=element('button','Delete');remove.onclick=async()=>{await api(path,{method:'DELETE'});main.replaceChildren(element('h1','Launcher'));list()};
  const area=element('div');main.append(save,add,remove,area);
  function draw(){area.replaceChildren(...cells.map(cell=>{const box=element('div');const text=element('textarea');text.value=[].concat(cell.source).join('');text.setAttribute('aria-label','Cell');text.oninput=()=>{cell.source=text.value;save.textContent='Save'};
    const run=element('button','Run');const output=element('pre','');output.hidden=true;run.onclick=()=>{output.hidden=false;output.textContent='No Python kernel runs here: this JupyterLab is simulated.'};text.onkeydown=event=>{if(event.key==='Enter'&&event.shiftKey){event.preventDefault();run.onclick()}};box.append(text,run,output);return box}))}
  if(cells.length===0)add.onclick();else draw()}
document.getElementById('new').onclick=async()=>{const made=await(await api(here,{method:'POST',body:JSON.stringify({type:'notebook'})})).json();await list();show(made.path)};
list();
</script>`,
  );
}
